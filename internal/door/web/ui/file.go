package ui

import (
	"path"
	"strings"
)

// icon is the lucide name for the file.
func (a Attachment) icon() string {
	if a.Icon != "" {
		return a.Icon
	}
	switch strings.ToLower(path.Ext(a.Name)) {
	case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".heic":
		return "image"
	case ".mp4", ".mov", ".webm":
		return "video"
	case ".eml", ".msg":
		return "mail"
	case ".csv", ".xls", ".xlsx", ".ods":
		return "table-2"
	default:
		return "file-text"
	}
}
