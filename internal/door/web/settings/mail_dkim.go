package settings

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// dkimBits is what receivers check everywhere; Ed25519 is still unknown to many.
const dkimBits = 2048

// dkimKey makes a private key to sign mail with, in PEM.
func dkimKey() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, dkimBits)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// dkimPublic returns the DNS record that lets others check what a private key in PEM signs.
// Errors: a plain error when it is no RSA key of 1024 bits or more, and no Ed25519 key.
func dkimPublic(text string) (record string, err error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return "", errors.New("no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return "", fmt.Errorf("private key: %w", err)
		}
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < 1024 {
			return "", fmt.Errorf("key of %d bits", key.N.BitLen())
		}
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			return "", err
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
	case ed25519.PrivateKey:
		public, ok := key.Public().(ed25519.PublicKey)
		if !ok {
			return "", errors.New("no public key")
		}
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public), nil
	}
	return "", fmt.Errorf("key of type %T", key)
}
