// Choices that several forms offer.
import { choiceField, type Field } from '../part/form.ts'
import { t } from '../part/text.ts'
import type { Context } from '../part/view.ts'

export function vhostChoice({ vhosts, vhost }: Context): Field & { control: HTMLSelectElement } {
  return choiceField(
    t('vhost'),
    vhosts.map((name) => [name, name] as const),
    { value: vhost ?? (vhosts.includes('/') ? '/' : vhosts[0]) },
  )
}

export function yesNoChoice(
  label: string,
  yes: string,
  no: string,
  first = true,
  hint?: string,
): Field & { read(): boolean } {
  const field = choiceField(
    label,
    [
      ['yes', yes],
      ['no', no],
    ],
    { value: first ? 'yes' : 'no', hint },
  )
  return { ...field, read: () => field.control.value === 'yes' }
}
