// What the agent of a joined host asks the controller for itself. Each call names its own host; nobody asks for another.
import { Type } from 'typebox'
import { call, contract } from '#kit/bus/contract.ts'

/** What a joined host's agent may do over the services' APIs: rules name it where an agent needs something, and nowhere else. */
export const hostRole = 'nimbo_host'
/** A host's service user: this, and the host's name. */
export const hostUserPrefix = 'agent-'

const Host = Type.String({ minLength: 1, maxLength: 64 })

export const hosts = contract('nimbo', 'hosts', '1.0', {
  /** A token of the host's own service user; kind 'forbidden' for a host that is no member. */
  serviceToken: call(
    Type.Object({ host: Host }),
    /** `expiresAt` in milliseconds since the epoch. */
    Type.Object({ token: Type.String(), expiresAt: Type.Integer() }),
  ),
  /** A certificate in place of one that ends soon: `request` is PKCS #10 in PEM. */
  renewCertificate: call(
    Type.Object({ host: Host, request: Type.String({ maxLength: 8192 }) }),
    Type.Object({ certificate: Type.String(), authority: Type.String() }),
  ),
  /** How the cloud sees the host. */
  state: call(
    Type.Object({ host: Host }),
    Type.Object({ up: Type.Boolean(), servers: Type.Integer(), disabled: Type.Boolean() }),
  ),
  /** The host leaves for good. Kind 'conflict' while servers, ports or volumes are on it, unless by force. */
  leave: call(Type.Object({ host: Host, force: Type.Boolean() }), Type.Object({ left: Type.Boolean() })),
})
