// How clients prove who they are: PLAIN and AMQPLAIN (which oslo.messaging prefers) by password, EXTERNAL by the
// certificate that TLS has checked.
import { Cursor } from '#kit/amqp/cursor.ts'
import { type AmqpError, connectionError } from '#kit/amqp/error.ts'
import { readTable, type Table } from '#kit/amqp/table.ts'
import { Writer } from '#kit/amqp/writer.ts'
import type { PeerCertificate } from '#kit/world/world.ts'
import { passwordMatches, type User } from './user.ts'

export type LoginRules = {
  /** These may log in from this machine alone: they have passwords that everybody knows. */
  loopbackUsers: ReadonlySet<string>
  /** What of a certificate is the user's name. */
  certificateName: 'commonName' | 'distinguishedName'
}

/** What is known of a client before it says anything. */
export type Peer = {
  isLoopback: boolean
  certificate: PeerCertificate | undefined
}

/** Those that can work on this connection. py-amqp takes EXTERNAL wherever it is offered, also with a password at hand. */
export function mechanisms(users: ReadonlyMap<string, User>, rules: LoginRules, peer: Peer): string {
  const name = peer.certificate && nameOf(peer.certificate, rules)
  return name !== undefined && users.has(name) ? 'PLAIN AMQPLAIN EXTERNAL' : 'PLAIN AMQPLAIN'
}

/** Throws 403 without saying what is wrong; `explain` gets it for the log. */
export function login(
  users: ReadonlyMap<string, User>,
  rules: LoginRules,
  peer: Peer,
  answer: { mechanism: string; response: Buffer },
  explain: (why: string) => void,
): User {
  const { mechanism } = answer
  const refuse = (why: string): AmqpError => {
    explain(why)
    return connectionError(
      403,
      `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
    )
  }
  const { name, password } =
    mechanism === 'EXTERNAL' && peer.certificate
      ? { name: nameOf(peer.certificate, rules), password: undefined }
      : credentials(mechanism, answer.response)
  if (name === undefined) throw refuse('the certificate has no name')
  const user = users.get(name)
  if (!user || (password !== undefined && !passwordMatches(user, password)))
    throw refuse(`user '${name}': ${user ? 'wrong password' : 'no such user'}`)
  if (rules.loopbackUsers.has(name) && !peer.isLoopback)
    throw refuse(`user '${name}' can only connect via localhost`)
  return user
}

function nameOf(certificate: PeerCertificate, rules: LoginRules): string | undefined {
  const name = rules.certificateName === 'commonName' ? certificate.commonName : certificate.subject
  return name === '' ? undefined : name
}

function credentials(mechanism: string, response: Buffer): { name: string; password: string } {
  if (mechanism === 'PLAIN') {
    const [, name = '', password = ''] = response.toString().split('\0')
    return { name, password }
  }
  if (mechanism === 'AMQPLAIN') {
    // A table without its length before it.
    const writer = new Writer(response.length + 4)
    writer.longstr(response)
    const { LOGIN, PASSWORD } = readTable(new Cursor(writer.written())) as Table
    return { name: String(LOGIN ?? ''), password: String(PASSWORD ?? '') }
  }
  throw connectionError(503, `unknown authentication mechanism '${mechanism}'`)
}

/** By its address as the listener saw it; what has none is in this process or on a socket of this machine. */
export function isLoopback(peer: string): boolean {
  return !/^[\da-f:.]+:\d+$/i.test(peer) || /^(127\.|::1:)/.test(peer)
}
