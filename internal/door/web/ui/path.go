package ui

// Paths that the shell of every page points to. Pages and routes use these names, so a path is written once.
const (
	HomePath          = "/"
	SearchPath        = "/search"
	PalettePath       = "/palette"            // GET ?q=&on=: PaletteResults as a fragment
	NotificationsPath = "/notifications"      // page
	BellPath          = "/notifications/bell" // GET: Bell as a fragment
	NewRequestPath    = "/requests/new"       // page behind the help button
	ProfilePath       = "/me"                 // page: my profile and preferences
	LanguagePath      = "/language"           // POST lang=fr|en, back=path
	SignInPath        = "/sign-in"
	SignOutPath       = "/sign-out" // POST
	LivePath          = "/live"     // SSE ?topics=a,b: {"topic":"ticket/…","seq":n}
	DeskPath          = "/desk"
	SettingsPath      = "/settings"
	GalleryPath       = "/gallery"
)
