// Runs an OpenID provider: node provider.mjs '{"port": ..., "server": "http://127.0.0.1:...", "audience": "...", "keys": [...]}'
import Provider from "oidc-provider";

const { port, server, audience, keys } = JSON.parse(process.argv[2]);
const resource = { scope: "decisionlog:read decisionlog:write", audience, accessTokenFormat: "jwt" };
const claims = (id) => ({ sub: id, name: `Name of ${id}`, groups: ["/product", "others"], email: `${id}@example.org`, email_verified: true });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "log",
      client_secret: "a secret: with/odd+characters%",
      redirect_uris: [`${server}/sign-in/callback`],
      post_logout_redirect_uris: [`${server}/sign-in`],
      backchannel_logout_uri: `${server}/sign-in/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
    { client_id: "tool", client_secret: "another", redirect_uris: ["http://127.0.0.1:1/callback"] },
  ],
  jwks: { keys },
  cookies: { keys: ["for tests"] },
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ["sub", "groups"], profile: ["name"], email: ["email", "email_verified"] },
  extraTokenClaims: () => ({ groups: ["/product"] }),
  findAccount: (_, id) => ({ accountId: id, claims: () => claims(id) }),
  features: {
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_, client) => (client.clientId === "tool" ? audience : undefined),
      getResourceServerInfo: () => resource,
      useGrantedResource: () => true,
    },
  },
  // Its own guard refuses addresses of this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
});
provider.listen(port, "127.0.0.1", () => console.log("ready"));
