// Numbers, sizes, times and rates as people read them.
import { language, t } from './text.ts'

export function count(value: number | undefined): string {
  return value === undefined ? '' : new Intl.NumberFormat(language()).format(value)
}

/** For the side of a chart: 10k, 1万. */
export function short(value: number): string {
  return new Intl.NumberFormat(language(), { notation: 'compact', maximumFractionDigits: 1 }).format(value)
}

/** Messages a second; small rates keep a digit. */
export function rate(value: number | undefined): string {
  if (value === undefined) return ''
  const digits = value > 0 && value < 10 ? 1 : 0
  const text = new Intl.NumberFormat(language(), { maximumFractionDigits: digits }).format(value)
  return t('perSecond', { rate: text })
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function bytes(value: number | undefined): string {
  if (value === undefined) return ''
  let amount = value
  let unit = 0
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024
    unit++
  }
  return `${amount >= 100 || unit === 0 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`
}

/** Of a number of milliseconds. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return t('seconds', { n: seconds })
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return t('minutes', { n: minutes })
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return t('hours', { n: hours, m: minutes % 60 })
  return t('days', { n: Math.floor(hours / 24), h: hours % 24 })
}

export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString(language())
}

export function dateTime(ms: number): string {
  return new Date(ms).toLocaleString(language())
}
