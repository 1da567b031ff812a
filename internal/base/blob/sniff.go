package blob

import (
	"path"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// byExtension refines what bytes alone cannot tell: kinds of plain text, and office files inside ZIP or OLE
// containers. No active type (HTML, SVG, script) stands here: a name never makes a file more dangerous.
var byExtension = map[string]map[string]string{
	"text/plain": {
		".csv": "text/csv; charset=utf-8", ".tsv": "text/tab-separated-values; charset=utf-8",
		".md": "text/markdown; charset=utf-8", ".eml": "message/rfc822", ".ics": "text/calendar; charset=utf-8",
		".vcf": "text/vcard; charset=utf-8", ".json": "application/json", ".yaml": "application/yaml",
		".yml": "application/yaml", ".toml": "application/toml",
	},
	"application/zip": {
		".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
		".odt":  "application/vnd.oasis.opendocument.text",
		".ods":  "application/vnd.oasis.opendocument.spreadsheet",
		".odp":  "application/vnd.oasis.opendocument.presentation",
	},
	"application/x-ole-storage": {
		".doc": "application/msword", ".xls": "application/vnd.ms-excel",
		".ppt": "application/vnd.ms-powerpoint", ".msg": "application/vnd.ms-outlook",
	},
}

// SniffLength is how many bytes of a file Sniff looks at.
const SniffLength = 3072

// Sniff tells the media type of a file from its first bytes; the name only refines it. Unknown bytes are
// "application/octet-stream", an empty file "text/plain".
func Sniff(name string, head []byte) string {
	found := mimetype.Detect(head[:min(len(head), SniffLength)]).String()
	plain, _, _ := strings.Cut(found, ";")
	if better := byExtension[plain][strings.ToLower(path.Ext(name))]; better != "" {
		return better
	}
	return found
}
