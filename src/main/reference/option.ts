// The page of all options of nimbo.yaml.
import { describeOptions } from '#kit/config/describe.ts'
import type { Section } from '#kit/config/section.ts'
import { code, table } from './table.ts'

export function optionPage(sections: readonly Section[]): string {
  const parts = sections.flatMap((section) => {
    const rows = describeOptions([section])
    const name = rows[0]?.section ?? section.name
    const cells = rows.map((row) => [
      code(row.key),
      row.type,
      code(row.default),
      [row.range, row.unit].filter((part) => part !== '').join(', '),
      row.help,
    ])
    return [`## ${name}`, '', table(['Option', 'Type', 'Default', 'Range, unit', 'What for'], cells), '']
  })
  return [
    '# Options',
    '',
    'Sections of `nimbo.yaml` in the data folder. Each option may also come from the environment: `NIMBO_SECTION__OPTION`, such as',
    '`NIMBO_CLOUD__LOG_LEVEL`. Durations are written `250ms`, `30s`, `10m`, `1h` or `7d`.',
    '',
    ...parts,
  ].join('\n')
}
