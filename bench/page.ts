/* Numbers and tables of docs/performance.md. */

export const whole = (value: number | undefined): string => (value === undefined ? '–' : Math.round(value).toLocaleString('en'))
export const fine = (value: number | undefined): string => (value === undefined ? '–' : value.toLocaleString('en', { maximumFractionDigits: 2 }))
export const share = (ratio: number | undefined): string => (ratio === undefined ? 'an unknown share' : `${fine(ratio * 100)} %`)

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
