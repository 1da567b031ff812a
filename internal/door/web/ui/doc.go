// Package ui holds the components that every page is made of: shells, buttons, fields, lists,
// conversation, dialogs. Pages invent no markup of their own beyond layout classes. The gallery shows each
// component in each state.
//
// # Conventions
//
//   - A component that needs more than four facts takes a struct; its zero value is the plainest form.
//   - Texts, dates, sizes and counts come in already written for the reader, except those of the component
//     itself, which it takes from the catalogue "ui" in the language of ctx.
//   - Ids are given by the page and are unique in it; a Field makes its own: "f-" + Name.
//   - No style attribute and no script in a page: sizes are classes, SVG attributes or <progress> values.
//   - Whatever is shown in colour is also said in words.
//   - Icons named here or in pages (Icon("x"), Icon: "x") enter the sprite when assets/ is built; those that
//     only data names stand in assets/icons.txt.
//
// # Which component for what
//
//   - Pages: PortalPage, DeskPage, SettingsPage, SignInPage, ErrorPage, Document; PageHead, Welcome, Banner.
//   - Actions: Button, IconButton, IconLink, SplitButton, More, ActionLink, Menu with MenuButton and MenuItem,
//     Dialog, Confirm, Kbd.
//   - Forms: Input, Textarea, Select, Checkbox, Toggle, Radios, RadioCards, RadioPills, Faces, File, AttachDrop,
//     FieldBox, FieldGroup, SegRadio, ErrorSummary, FormActions, DraftForm with DraftNote, DiffThreeWay.
//   - Facts: Status, StatusBare, Level, Priority, Ref, Tag, Thread, ThreadMini, StepList, Progress, Clock,
//     KeyValues, Kpi, Figure, Avatar, PersonLink, PersonCard.
//   - Lists: Table, PagerLine, ListRow, BulkRows, ViewItem, RequestRow, NewsItem, TileCard, Hit, StatusLine,
//     CheckLine, Tabs, Chips, Seg, Facets, Breadcrumb, EmptyState, Skeleton.
//   - Talk: Message, Event, Files, ComposerForm, PresenceBeat, Toast, Callout.
//
// # Attributes that the scripts understand
//
//   - data-live="ticket/…" with hx-get: reloads when the live stream names the topic (see Live). It waits while
//     one types inside it. data-stick on a scrolling region keeps its end in sight.
//   - data-dialog="id" opens a Dialog, data-close closes the one it stands in, data-open opens it with the page.
//   - data-key="e" on a button, link or radio of the desk: the key presses it; data-focus-on="#id" then moves the
//     focus. j, k, Enter, x, / and ? are the desk's own; data-desk-search marks the field that / goes to.
//   - data-palette on a link: opens the palette instead; data-on="ticket/…" anywhere tells it what the page is on.
//   - data-suggest-url on a textarea: "/", "#" and "@" offer a SuggestList; data-insert="/" types that key.
//   - data-send on the composer's button: Ctrl-Enter presses it.
//   - HX-Trigger: toast (see SetToast) shows a toast; with undo, a POST goes there when it is pressed.
//
// # Answers to htmx
//
// 2xx, 409 and 422 are swapped in. Other errors leave the page as it is and show a toast: the answer's own, if it
// has one, else a general one. hx-status:4xx on an element changes this.
package ui
