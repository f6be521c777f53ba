package coordinator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"strings"

	"weir/config"
)

// Who may look. Everybody may where the listener is on loopback, or where the run is public by name. Elsewhere a request
// shows the token that `weir keys` made: a machine in its Authorization header; a person once, as ?token=, for which the
// browser gets a cookie.

const tokenCookie = "weir"

// guard lets in who may look.
func (c *Config) guard(inside http.Handler) http.Handler {
	if c.open() {
		return inside
	}
	cookie := cookieFor(c.HTTPToken)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shown := r.URL.Query().Get("token"); shown != "" && same(shown, c.HTTPToken) {
			http.SetCookie(w, &http.Cookie{
				Name: tokenCookie, Value: cookie, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
			})
			http.Redirect(w, r, r.URL.Path, http.StatusSeeOther) // the token leaves the address bar
			return
		}
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		kept, err := r.Cookie(tokenCookie)
		if same(bearer, c.HTTPToken) || err == nil && same(kept.Value, cookie) {
			inside.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		answerText(w, http.StatusUnauthorized,
			"this needs the token in http.token, of the operator's or a node's folder of keys: as ?token=..., or as Authorization: Bearer ...")
	})
}

// open says whether nobody needs a token.
func (c *Config) open() bool {
	if c.HTTPPublic || c.HTTP == nil {
		return true
	}
	host, _, err := net.SplitHostPort(listens(c.HTTP))
	return err == nil && config.IsLoopback(host)
}

func listens(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// url is where a member's HTTP is; empty for one that shows itself nowhere.
func (c *Config) url(m Member) string {
	switch {
	case m.HTTP == "":
		return ""
	case c.HTTPTLS != nil:
		return "https://" + m.HTTP
	}
	return "http://" + m.HTTP
}

// same compares what was shown with a secret, in a time that tells nothing of where they differ. No secret is never shown.
func same(shown, secret string) bool {
	x, y := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1 && secret != ""
}

// cookieFor is what a browser keeps: it opens the pages of this run and does not give the token away.
func cookieFor(token string) string {
	sum := sha256.Sum256([]byte("weir cookie\n" + token))
	return hex.EncodeToString(sum[:])
}
