// Routes of join tokens.
import { route } from '../app.ts'
import { createToken, deleteToken, listTokens } from '../ops/join-token.ts'
import { joinTokenCreate, joinTokenView } from '../resources/join-token.ts'
import { hostRules } from '../rule.ts'

export const joinTokenRoutes = [
  route('GET', '/join-tokens', {
    policy: hostRules.listTokens,
    handle: async (context) => {
      const now = context.app.world.clock.now()
      return { join_tokens: (await listTokens(context)).map((row) => joinTokenView({ ...row, now })) }
    },
  }),
  route('POST', '/join-tokens', {
    policy: hostRules.createToken,
    body: joinTokenCreate,
    status: 201,
    handle: async (context, { body }) => {
      const { row, token } = await createToken(context, body)
      // The only time that the secret is told.
      return { join_token: { ...joinTokenView({ ...row, now: row.createdAt }), token } }
    },
  }),
  route('DELETE', '/join-tokens/:id', {
    policy: hostRules.deleteToken,
    handle: (context, { params }) => deleteToken(context, params.id!),
  }),
]
