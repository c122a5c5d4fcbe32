// The administrator's password that a guest posts once, encrypted to its user's key (row 225).
import type { Readable } from 'node:stream'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { readBody } from '#kit/http/json.ts'
import type { InstanceFacts } from '#kit/metadata-tree/facts.ts'
import type { MetadataContext } from '../app.ts'

/** Four pieces of 255 bytes: Nova's limit. */
const longest = 1020

export async function keepPassword(
  context: MetadataContext,
  facts: InstanceFacts,
  posted: Readable | undefined,
): Promise<void> {
  const { conductor, known } = context.app
  if (facts.password !== '') throw alreadySet()
  const password = await read(posted)
  const { accepted } = await conductor.metadataPassword(
    { serverId: facts.id, password },
    { trace: context.trace, subject: `server:${facts.id}` },
  )
  known.delete(facts.id)
  if (!accepted) throw alreadySet()
}

async function read(posted: Readable | undefined): Promise<string> {
  if (!posted) return ''
  const tooLong = new CloudError('badRequest', `The password is longer than ${longest} bytes.`, {
    headers: { connection: 'close' },
  })
  return (await readBody(posted, longest, tooLong)).toString('latin1')
}

function alreadySet(): CloudError {
  return new CloudError('conflict', 'The password is set already and cannot be changed from the guest.')
}
