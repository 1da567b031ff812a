// Package access sends people the links by which they get in: an invitation, another password.
package access

import (
	"context"

	"entraide/internal/base/auth"
	"entraide/internal/base/config"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
)

// Path is where one-time links lead: Path + token.
const Path = "/welcome/"

// SendReset promises a mail with a link to choose another password. It does the same, and takes no longer to tell,
// whether the address is known or not.
func SendReset(ctx context.Context, tx *db.Tx, base, email string) error {
	token, link, err := identity.RequestReset(ctx, tx, email)
	if err != nil || token == "" {
		return err
	}
	return send(ctx, tx, base, link.Email, link.Name, link.Lang, token, "reset")
}

// Invite makes a link for a person to choose their first password and promises a mail with it. The token is returned
// for who wants to hand it over otherwise.
// Errors: errs.Forbidden, errs.NotFound, those of identity.Invite.
func Invite(ctx context.Context, tx *db.Tx, a auth.Actor, base string, p identity.Person) (string, error) {
	token, err := identity.Invite(ctx, tx, a, p.ID)
	if err != nil || p.Email == "" {
		return token, err
	}
	return token, send(ctx, tx, base, p.Email, p.Name, p.Lang, token, "invitation")
}

func send(ctx context.Context, tx *db.Tx, base, email, name, lang, token, kind string) error {
	l := i18n.New(lang, "")
	body := l.T("access."+kind+".text", "name", name, "link", base+Path+token)
	_, _, err := channel.Post(ctx, tx, auth.System("access"), channel.Outgoing{
		MessageID: "a." + id.New() + "@" + config.Host(base), Recipient: email, Subject: l.T("access." + kind + ".subject"), Key: "access/" + id.Hash(token),
		Content: channel.Content{ToName: name, Text: body, Auto: "auto-generated"}}, tx.Now)
	return err
}
