package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes a certificate authority, and the two files that it is kept in.
func newAuthority(now time.Time) (a authority, cert, key []byte, err error) {
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return a, nil, nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "weir"},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(authorityLife),
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := sign(template, template, a.key, a.key)
	if err != nil {
		return a, nil, nil, err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return a, nil, nil, err
	}
	key, err = encodeKey(a.key)
	return a, encodeCert(der), key, err
}

// node makes a certificate for the node with the given name on host, good as a server's and as a client's.
func (a authority) node(name, host string, from, until time.Time) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		NotBefore:   from,
		NotAfter:    until,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		// Besides its host a node is what people on its machine call it.
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
	} else {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := sign(template, a.cert, private, a.key)
	if err != nil {
		return nil, nil, err
	}
	key, err = encodeKey(private)
	return encodeCert(der), key, err
}

func sign(template, parent *x509.Certificate, subject, signer *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	return x509.CreateCertificate(rand.Reader, template, parent, &subject.PublicKey, signer)
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// decodeCert reads the one certificate in a file's text.
func decodeCert(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("holds no certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

// loadAuthority reads an authority from its folder.
func loadAuthority(dir string, now time.Time) (authority, error) {
	cert, err := readCert(filepath.Join(dir, authorityCert), now)
	if err != nil {
		return authority{}, err
	}
	path := filepath.Join(dir, authorityKey)
	text, err := readFile(path)
	if err != nil {
		return authority{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return authority{}, fmt.Errorf("%s: holds no key", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return authority{}, fmt.Errorf("%s: %w", path, err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(cert.PublicKey) {
		return authority{}, fmt.Errorf("%s: is not the key of %s", path, authorityCert)
	}
	return authority{cert, private}, nil
}

// readCert reads a certificate that is good now.
func readCert(path string, now time.Time) (*x509.Certificate, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	cert, err := decodeCert(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case now.After(cert.NotAfter) && cert.IsCA:
		return nil, fmt.Errorf("%s: this authority expired on %s: make another with `weir keys make`",
			path, cert.NotAfter.Format(time.DateOnly))
	case now.After(cert.NotAfter):
		return nil, fmt.Errorf("%s: expired on %s: renew it with `weir keys add CLUSTER --renew %s`",
			path, cert.NotAfter.Format(time.DateOnly), cert.Subject.CommonName)
	case now.Before(cert.NotBefore):
		return nil, fmt.Errorf("%s: is not valid before %s: is this machine's clock right?",
			path, cert.NotBefore.Format(time.RFC3339))
	}
	return cert, nil
}
