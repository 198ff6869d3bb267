module symbolon.dev/verify

go 1.19
