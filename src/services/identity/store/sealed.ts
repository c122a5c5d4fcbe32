// SQL of all that identity keeps sealed, whatever it is, for sealing it anew with another key.
import type { Db } from '#kit/db/database.ts'
import { consumer } from '../resources/consumer.ts'
import { credential } from '../resources/credential.ts'
import { domainOption } from '../resources/domain-config.ts'

export type Sealed = {
  readonly text: string
  /** Does nothing where it has changed meanwhile. */
  replace(db: Db, text: string): Promise<number>
}

export async function listSealed(db: Db): Promise<Sealed[]> {
  const credentials = (await credential.find(db)).map(
    ({ id, sealedBlob }): Sealed => ({
      text: sealedBlob,
      replace: (to, text) => credential.update(to, { id, sealedBlob }, { sealedBlob: text }),
    }),
  )
  const consumers = (await consumer.find(db)).map(
    ({ id, sealedSecret }): Sealed => ({
      text: sealedSecret,
      replace: (to, text) => consumer.update(to, { id, sealedSecret }, { sealedSecret: text }),
    }),
  )
  const options = (await domainOption.find(db)).map(
    (row): Sealed => ({
      text: row.sealedValue,
      replace: (to, text) => domainOption.update(to, row, { sealedValue: text }),
    }),
  )
  return [...credentials, ...consumers, ...options]
}
