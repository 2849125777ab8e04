"""Sign-in with an OpenID Connect provider: an optional part, which needs the extra `oidc`."""
