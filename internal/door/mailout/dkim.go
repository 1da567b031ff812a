package mailout

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/emersion/go-msgauth/dkim"
)

// signed are the headers that a signature covers: all that a reader sees or a mail program acts upon.
var signed = []string{"From", "To", "Subject", "Date", "Message-ID", "Reply-To", "In-Reply-To", "References", "MIME-Version", "Content-Type",
	"Content-Transfer-Encoding", "Auto-Submitted", "List-Unsubscribe"}

// sign adds a DKIM signature where the mailbox has a key. Errors: stuckError when the key cannot be used.
func sign(raw []byte, r route) ([]byte, error) {
	o := r.box.Out
	if o.Selector == "" || o.Domain == "" || r.secrets.DKIMKey == "" {
		return raw, nil
	}
	key, err := parseKey(r.secrets.DKIMKey)
	if err != nil {
		return nil, stuckError{"mailout.reason.dkim", err.Error()}
	}
	var out bytes.Buffer
	err = dkim.Sign(&out, bytes.NewReader(raw), &dkim.SignOptions{Domain: o.Domain, Selector: o.Selector, Signer: key, Hash: crypto.SHA256,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed, HeaderKeys: signed})
	if err != nil {
		return nil, stuckError{"mailout.reason.dkim", err.Error()}
	}
	return out.Bytes(), nil
}

// parseKey reads a private key: RSA as PKCS 1, RSA or Ed25519 as PKCS 8.
func parseKey(s string) (crypto.Signer, error) {
	block, _ := pem.Decode([]byte(s))
	if block == nil {
		return nil, errors.New("not a key in PEM form")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T does not sign", key)
	}
	return signer, nil
}
