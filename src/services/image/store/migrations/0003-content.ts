// Several stores, locations, imports, tasks and the cache. What was stored before lies in the store 'file'.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const content: Migration = {
  id: '0003-content',
  async up(tx) {
    const { createTable, addColumns } = ddl(tx)
    await addColumns('image', {
      importing_to_stores: 'text?',
      failed_import: 'text?',
      import_task: 'text(36)?',
      claimed_by: 'text(255)?',
    })
    await createTable(
      'image_location',
      {
        image_id: 'id',
        position: 'int',
        store: 'text(64)',
        url: 'text(2048)?',
        metadata: 'json',
        created_at: 'time',
      },
      { primaryKey: ['image_id', 'position'], index: [['store']] },
    )
    await tx.execute(
      `insert into image_location (image_id, position, store, metadata, created_at)
       select id, 0, 'file', '{}', updated_at from image where size is not null`,
      [],
    )
    // Who was taking bytes then is gone.
    await tx.execute(`update image set status = 'queued' where status = 'saving'`, [])
    await createTable(
      'image_removal',
      { image_id: 'id', store: 'text(64)', due_at: 'time' },
      { primaryKey: ['image_id', 'store'], index: [['due_at']] },
    )
    await createTable(
      'image_task',
      {
        id: 'id',
        type: 'text(30)',
        status: 'text(30)',
        image_id: 'text(36)?',
        owner: 'text(255)',
        request_id: 'text(255)?',
        user_id: 'text(255)?',
        input: 'json',
        result: 'json?',
        message: 'text',
        expires_at: 'time?',
        created_at: 'time',
        updated_at: 'time',
      },
      { index: [['image_id'], ['created_at', 'id'], ['expires_at']] },
    )
    await createTable(
      'cached_image',
      {
        image_id: 'id',
        state: 'text(16)',
        size: 'bigint',
        hits: 'int',
        queued_at: 'time',
        accessed_at: 'time',
        modified_at: 'time',
      },
      { primaryKey: ['image_id'], index: [['state', 'queued_at']] },
    )
  },
}
