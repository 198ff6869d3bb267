// Command verify checks a Symbolon token with nothing but Go's standard library.
//
//	go run . --jwks FILE --issuer URL --audience AUD [--now SECONDS] < token
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

const maxBytes = 16384

// Expected is what the relying party knows; Now in seconds.
type Expected struct {
	Keys     map[string]ed25519.PublicKey
	Issuer   string
	Audience string
	Now      int64
}

// Refusals, by code.
var (
	errMalformed   = errors.New("malformed")
	errAlg         = errors.New("alg")
	errTyp         = errors.New("typ")
	errKid         = errors.New("kid_unknown")
	errSignature   = errors.New("signature")
	errIssuer      = errors.New("issuer")
	errAudience    = errors.New("audience")
	errExpired     = errors.New("expired")
	errNotYetValid = errors.New("not_yet_valid")
)

var strict = base64.RawURLEncoding.Strict()

func decode(segment string) ([]byte, error) {
	if segment == "" || strings.ContainsAny(segment, "\r\n") {
		return nil, errMalformed
	}
	data, err := strict.DecodeString(segment)
	if err != nil {
		return nil, errMalformed
	}
	return data, nil
}

// object reads one JSON object. encoding/json forgives duplicate names and matches struct fields without case, so names are
// walked token by token and kept exactly.
func object(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, errMalformed
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	value, err := walk(decoder, 0)
	if err != nil {
		return nil, errMalformed
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errMalformed
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, errMalformed
	}
	return members, nil
}

func walk(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil || depth > 12 {
		return nil, errMalformed
	}
	delimiter, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	members, items := map[string]any{}, []any{}
	for decoder.More() {
		var name string
		if delimiter == '{' {
			next, err := decoder.Token()
			if err != nil {
				return nil, errMalformed
			}
			name, _ = next.(string)
			if _, twice := members[name]; twice {
				return nil, errMalformed
			}
		}
		value, err := walk(decoder, depth+1)
		if err != nil {
			return nil, err
		}
		if delimiter == '{' {
			members[name] = value
		} else {
			items = append(items, value)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errMalformed
	}
	if delimiter == '{' {
		return members, nil
	}
	return items, nil
}

func text(claims map[string]any, name string) (string, bool) {
	value, ok := claims[name].(string)
	return value, ok && value != ""
}

func seconds(claims map[string]any, name string) (int64, bool) {
	number, ok := claims[name].(json.Number)
	if !ok {
		return 0, false
	}
	value, err := number.Int64()
	return value, err == nil && value >= 0
}

// Verify returns the claims of a token that is valid now.
func Verify(token string, expected Expected) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(token) > maxBytes || len(parts) != 3 {
		return nil, errMalformed
	}
	var segments [3][]byte
	for at, part := range parts {
		data, err := decode(part)
		if err != nil {
			return nil, err
		}
		segments[at] = data
	}
	header, err := object(segments[0])
	if err != nil {
		return nil, err
	}
	claims, err := object(segments[1])
	if err != nil {
		return nil, err
	}
	for name := range header {
		if name != "alg" && name != "kid" && name != "typ" {
			return nil, errMalformed
		}
	}
	if header["alg"] != "EdDSA" {
		return nil, errAlg
	}
	if header["typ"] != "at+jwt" {
		return nil, errTyp
	}
	kid, _ := text(header, "kid")
	key, ok := expected.Keys[kid]
	if !ok {
		return nil, errKid
	}
	if !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), segments[2]) {
		return nil, errSignature
	}
	return claims, judge(claims, expected)
}

func judge(claims map[string]any, expected Expected) error {
	for _, name := range []string{"iss", "sub", "aud", "client_id", "jti", "scope"} {
		if _, ok := text(claims, name); !ok {
			return errMalformed
		}
	}
	times := map[string]int64{}
	for _, name := range []string{"iat", "nbf", "exp"} {
		value, ok := seconds(claims, name)
		if !ok {
			return errMalformed
		}
		times[name] = value
	}
	switch {
	case claims["iss"] != expected.Issuer:
		return errIssuer
	case claims["aud"] != expected.Audience:
		return errAudience
	case expected.Now >= times["exp"]:
		return errExpired
	case expected.Now < times["nbf"]:
		return errNotYetValid
	}
	return nil
}

// Keys reads the Ed25519 keys of a JWKS (RFC 7517, RFC 8037) by kid.
func Keys(jwks []byte) (map[string]ed25519.PublicKey, error) {
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X string }
	}
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, key := range set.Keys {
		if key.Kty != "OKP" || key.Crv != "Ed25519" {
			continue
		}
		data, err := decode(key.X)
		if err != nil || len(data) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("key %q: x is not 32 bytes of base64url", key.Kid)
		}
		keys[key.Kid] = data
	}
	return keys, nil
}

func main() {
	file := flag.String("jwks", "", "file with the JWKS")
	issuer := flag.String("issuer", "", "expected iss")
	audience := flag.String("audience", "", "expected aud")
	now := flag.Int64("now", time.Now().Unix(), "seconds")
	flag.Parse()
	jwks, err := os.ReadFile(*file)
	if err == nil {
		var keys map[string]ed25519.PublicKey
		if keys, err = Keys(jwks); err == nil {
			var token []byte
			if token, err = io.ReadAll(io.LimitReader(os.Stdin, maxBytes+2)); err == nil {
				var claims map[string]any
				if claims, err = Verify(strings.TrimSuffix(string(token), "\n"), Expected{keys, *issuer, *audience, *now}); err == nil {
					err = json.NewEncoder(os.Stdout).Encode(claims)
				}
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}
