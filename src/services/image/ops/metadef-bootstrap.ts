// Fills the metadata definitions of a new cloud, once: what an operator deletes later stays deleted.
import type { ImageApp } from '../app.ts'
import * as inside from '../store/metadef.ts'
import * as store from '../store/metadef-namespace.ts'

export async function bootstrapMetadefs({ db, world }: Pick<ImageApp, 'db' | 'world'>): Promise<void> {
  if (await inside.hasResourceTypes(db)) return
  const { stockNamespaces, stockResourceTypes } = await import('../resources/metadef-stock.ts')
  const now = world.clock.now()
  const times = { createdAt: now, updatedAt: now }
  await db.transaction(async (tx) => {
    const [first, ...others] = stockResourceTypes
    // Of controllers that start together one does it all.
    if (!(await inside.addResourceType(tx, { name: first!, ...times }))) return
    for (const name of others) await inside.addResourceType(tx, { name, ...times })
    for (const { namespace, displayName, description, on, properties } of stockNamespaces) {
      const at = { namespaceId: world.random.uuid(), ...times }
      await store.insertNamespace(tx, {
        id: at.namespaceId,
        namespace,
        displayName,
        description,
        visibility: 'public',
        protected: true,
        owner: null,
        ...times,
      })
      for (const [resourceType, prefix] of Object.entries(on))
        await inside.insertAssociation(tx, {
          ...at,
          resourceType,
          prefix: prefix || null,
          propertiesTarget: null,
        })
      await inside.insertProperties(
        tx,
        Object.entries(properties).map(([name, definition]) => ({ ...at, name, definition })),
      )
    }
  })
}
