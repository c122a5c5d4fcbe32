// Arguments of queues, exchanges, bindings and policies: rows of name, value and type.
import { h } from './dom.ts'
import type { Field } from './form.ts'
import { t } from './text.ts'

const types = ['string', 'number', 'boolean', 'list'] as const

/** `known` are offered while typing. The control reads as an object. */
export function argumentField(
  label: string,
  known: readonly string[],
  hint?: string,
): Field & { read(): Record<string, unknown> } {
  const listId = `known-${known.join('-').length}-${known.length}`
  const rows = h('div', { class: 'rows' })
  const add = () => {
    const name = h('input', {
      'aria-label': t('argumentName'),
      list: listId,
      placeholder: t('argumentName'),
      spellcheck: 'false',
    })
    const value = h('input', {
      'aria-label': t('argumentValue'),
      placeholder: t('argumentValue'),
      spellcheck: 'false',
    })
    const type = h(
      'select',
      { 'aria-label': t('argumentType') },
      ...types.map((each) => h('option', { value: each }, t(`type_${each}`))),
    )
    name.addEventListener('change', () => {
      type.value = usualType(name.value)
    })
    const row = h('div', { class: 'row' }, name, value, type)
    // The last row is always an empty one.
    name.addEventListener('input', () => {
      if (row === rows.lastElementChild && name.value !== '') add()
    })
    rows.append(row)
  }
  add()
  const control = h(
    'div',
    { role: 'group', 'aria-label': label },
    h('datalist', { id: listId }, ...known.map((each) => h('option', { value: each }))),
    rows,
  )
  return {
    label,
    control,
    hint,
    read() {
      const found: Record<string, unknown> = {}
      for (const row of rows.children) {
        const [name, value, type] = row.children as unknown as [
          HTMLInputElement,
          HTMLInputElement,
          HTMLSelectElement,
        ]
        if (name.value !== '') found[name.value] = typed(value.value, type.value)
      }
      return found
    },
  }
}

function usualType(name: string): string {
  return /ttl|expires|length|limit|priority|params$|size|count/.test(name)
    ? 'number'
    : /single-active/.test(name)
      ? 'boolean'
      : 'string'
}

function typed(text: string, type: string): unknown {
  if (type === 'string') return text
  if (type === 'boolean') return text === 'true'
  if (type === 'list') return text.split(',').map((each) => each.trim())
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) throw new Error(t('notNumber', { text }))
  return number
}

export const queueArguments = [
  'x-message-ttl',
  'x-expires',
  'x-max-length',
  'x-max-length-bytes',
  'x-overflow',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-max-priority',
  'x-single-active-consumer',
  'x-delivery-limit',
]

export const policyKeys = [
  'message-ttl',
  'expires',
  'max-length',
  'max-length-bytes',
  'overflow',
  'dead-letter-exchange',
  'dead-letter-routing-key',
  'delivery-limit',
  'alternate-exchange',
  'ha-mode',
  'ha-params',
  'ha-sync-mode',
]
