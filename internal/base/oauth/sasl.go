package oauth

import "github.com/emersion/go-sasl"

// XOAUTH2 signs in to a mail server with an access token, as Microsoft and Google document it: the user and the token,
// each between control characters, in one answer.
func XOAUTH2(user, token string) sasl.Client { return xoauth2{user, token} }

type xoauth2 struct{ user, token string }

// Start begins the exchange with all there is to say.
func (a xoauth2) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + a.user + "\x01auth=Bearer " + a.token + "\x01\x01"), nil
}

// Next answers the server's explanation of a refusal with nothing, so that it says its last word.
func (a xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }
