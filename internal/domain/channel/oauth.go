package channel

import (
	"context"
	"encoding/json"
	"fmt"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/oauth"
	"entraide/internal/base/seal"
)

// App is the application by which m signs in over OAuth, for one of its ways and the way's sign-in (OAuth, Credentials).
func (m Mailbox) App(s Secrets, way Way, signIn string) oauth.App {
	a := oauth.App{Provider: s.Provider, Tenant: s.Tenant, ID: s.ClientID, Secret: s.ClientSecret, AuthURL: s.AuthURL, TokenURL: s.TokenURL}
	own := ""
	switch {
	case s.Provider == oauth.Microsoft && way == Graph:
		a.Scopes = []string{"offline_access", "https://graph.microsoft.com/Mail.ReadWrite", "https://graph.microsoft.com/Mail.Send"}
		own = "https://graph.microsoft.com/.default"
	case s.Provider == oauth.Microsoft:
		a.Scopes = []string{"offline_access", "https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"}
		own = "https://outlook.office365.com/.default"
	case s.Provider == oauth.Google:
		a.Scopes = []string{"https://mail.google.com/"}
	}
	if signIn == Credentials {
		a.Own = own
	}
	return a
}

// Refresh is the refresh token of a way's sign-in; "" for the application's own right.
func (s Secrets) Refresh(signIn string) string {
	if signIn == Credentials {
		return ""
	}
	return s.RefreshToken
}

// KeepRefresh stores the refresh token that a provider gave instead of old. It does nothing when somebody connected the
// mailbox anew in between, and changes no version: nobody's form is late by it.
// Errors: errs.Forbidden unless a is the machine, errs.NotFound, seal.ErrKey.
func KeepRefresh(ctx context.Context, tx *db.Tx, a auth.Actor, k seal.Key, mailboxID, old, next string) error {
	if err := mayHandle(a); err != nil {
		return err
	}
	m, err := FindMailbox(ctx, tx, a, mailboxID)
	if err != nil {
		return err
	}
	s, err := m.Secrets(k)
	if err != nil || s.RefreshToken != old {
		return err
	}
	s.RefreshToken = next
	plain, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sealed, err := k.Seal(plain, about(m.ID))
	if err != nil {
		return err
	}
	// Compared with what was read, so that of two that write at once the second changes nothing.
	_, err = tx.ExecContext(ctx, "UPDATE mailbox SET secret = $1 WHERE id = $2 AND secret = $3", sealed, m.ID, m.Sealed)
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", m.ID, err)
	}
	return nil
}
