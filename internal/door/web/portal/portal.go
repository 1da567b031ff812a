// Package portal serves the pages of the people who ask: home, new request, their requests, one request with its
// conversation, and the files and drafts that all faces share. Every page works without script.
package portal

import (
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/portal"
	"entraide/internal/door/web/ui"
)

type portal struct{ *kit.Kit }

// Mount registers the portal's routes.
func Mount(k *kit.Kit) {
	p := portal{k}
	k.Route(kit.SignedIn, "GET /{$}", p.home)
	k.Route(kit.SignedIn, "GET "+page.AnswersPath, p.answers)
	k.Route(kit.SignedIn, "GET "+ui.SearchPath, p.search)

	k.Route(kit.SignedIn, "GET /requests/new", p.newRequest)
	k.Route(kit.SignedIn, "POST "+page.QuestionsPath, p.questions)
	k.Route(kit.SignedIn, "POST "+page.RequestsPath, p.send)
	k.Route(kit.SignedIn, "GET "+page.RequestsPath, p.list)

	k.Route(kit.SignedIn, "GET /requests/{ref}", p.request)
	k.Route(kit.SignedIn, "GET /requests/{ref}/rating", p.request)
	k.Route(kit.SignedIn, "POST /requests/{ref}/rating", p.rate)
	k.Route(kit.SignedIn, "POST /requests/{ref}/messages", p.reply)
	k.Route(kit.SignedIn, "POST /requests/{ref}/reopen", p.reopen)
	k.Route(kit.SignedIn, "GET /requests/{ref}/cancel", p.askCancel)
	k.Route(kit.SignedIn, "POST /requests/{ref}/cancel", p.cancel)
	k.Route(kit.SignedIn, "GET /requests/{ref}/watchers", p.people)
	k.Route(kit.SignedIn, "POST /requests/{ref}/watchers", p.watch)
	k.Route(kit.SignedIn, "POST /requests/{ref}/watchers/{person}/remove", p.unwatch)

	k.Route(kit.SignedIn, "POST "+page.DraftsPath, p.saveDraft)
	k.Route(kit.SignedIn, "POST "+page.DiscardPath, p.discardDraft)
	k.Route(kit.SignedIn, "POST "+page.UploadsPath, p.upload)
	k.Route(kit.SignedIn, "GET /attachments/{id}", p.attachment)
	k.Route(kit.SignedIn, "GET /attachments/{id}/thumb", p.thumb)
	k.Route(kit.SignedIn, "GET /attachments/{id}/{name}", p.attachment)
}
