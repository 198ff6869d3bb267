package main

import (
	"encoding/json"
	"os"
	"testing"
)

func TestVectors(t *testing.T) {
	data, err := os.ReadFile("../vectors/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Issuer, Audience string
		Now              int64
		Jwks             json.RawMessage
		Cases            []struct{ ID, Comment, Token, Result string }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	keys, err := Keys(file.Jwks)
	if err != nil || len(file.Cases) < 40 {
		t.Fatal(err, len(file.Cases))
	}
	for _, one := range file.Cases {
		t.Run(one.ID, func(t *testing.T) {
			result := "ok"
			if _, err := Verify(one.Token, Expected{keys, file.Issuer, file.Audience, file.Now}); err != nil {
				result = err.Error()
			}
			if result != one.Result {
				t.Errorf("%s: got %s, want %s", one.Comment, result, one.Result)
			}
		})
	}
}
