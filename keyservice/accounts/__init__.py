"""People: who may be here, how they prove it, and what they may do.

By subject:

- getting in: `invitations`, `joining`; what people may do: `people`, `portfolio`, `service`;
- logging in: `login`, `oidc`, `oidc_client`; proving it: `factors`, `totp`, `passkeys`, `recovery`, `passwords`;
  proving it again: `proof`;
- staying in and keeping others out: `sessions`, `guessing`, `devices`.

Each subject has its pages in `…_views`, its forms in `…_forms` and its mails in `…_messages`.
"""
