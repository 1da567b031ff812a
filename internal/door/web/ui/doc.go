// Package ui holds the components that every page is made of: shells, buttons, fields, lists,
// conversation, dialogs. Pages invent no markup of their own beyond layout classes.
//
// Conventions:
//   - A component that needs more than four facts takes a struct; its zero value is the plainest form.
//   - Texts, dates, sizes and counts come in already written for the reader, except those of the component
//     itself, which it takes from the catalogue "ui" in the language of ctx.
//   - Ids are given by the page and are unique in it; a Field makes its own: "f-" + Name.
//   - No style attribute and no script in a page: sizes are classes, SVG attributes or <progress> values.
//   - Whatever is shown in colour is also said in words.
//
// Attributes that the scripts of assets/src understand:
//   - data-live="ticket/…" with hx-get: reloads when the live stream names the topic (see Live).
//   - data-dialog="id" opens a Dialog, data-close closes the one it stands in.
//   - data-key="e" on a button or link of the desk: the key presses it. data-focus-on="#id" moves the focus there.
//   - data-palette on a link: opens the palette instead.
//   - data-suggest-url on a textarea: "/", "#" and "@" offer a SuggestList. data-insert="/" types that key.
//   - data-send on the composer's button: Ctrl-Enter presses it.
//   - HX-Trigger: {"toast":{"text":"…","undo":"/url","action":"…","seconds":10}} shows a toast; with undo, a
//     POST goes there when it is pressed.
package ui
