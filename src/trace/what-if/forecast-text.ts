/** A forecast as a person reads it. */
import { type Paint, plain } from '../tree.ts'
import type { Access, Forecast } from './forecast.ts'

/** Of many lines of a kind the first are told. */
const TOLD = 12

export function forecastLines(forecast: Forecast, paint: Paint = plain): string[] {
  const { service, changes, notes, gains, loses, sources, balance, quota, monthlyCost } = forecast
  const uneven = balance.filter(({ before, after }) => percent(before) !== percent(after))
  return [
    paint('bold', `what if Service ${service} had ${changes.join(', ')} (nothing is changed)`),
    ...section(
      'gains access',
      gains.map((one) => paint('good', `+ ${accessText(one)}`)),
    ),
    ...section(
      'loses access',
      loses.map((one) => paint('bad', `- ${accessText(one)}${one.cause === undefined ? '' : `: ${one.cause}`}`)),
    ),
    ...section(
      'is seen with another source address',
      sources.map((one) => `~ ${accessText(one)}: ${one.before.join(' or ')} -> ${one.after.join(' or ')}`),
    ),
    ...section(
      'balance',
      uneven.map(({ pod, before, after }) => `${pod}: ${percent(before)} -> ${percent(after)}`),
    ),
    `load balancer backends (quota units): ${quota.before} -> ${quota.after}`,
    `fixed cost a month, without traffic: ${monthlyCost.before} -> ${monthlyCost.after} ${monthlyCost.currency}${unknownText(monthlyCost)}`,
    ...notes.map((note) => paint('dim', `note: ${note}`)),
  ]
}

function unknownText({ unknown }: Forecast['monthlyCost']): string {
  return unknown.length === 0 ? '' : `, and ${unknown.join(', ')} of unknown price`
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [`${title}: nobody`.replace('balance: nobody', 'balance: as before')]
  const more = lines.length > TOLD ? [`  and ${lines.length - TOLD} more`] : []
  return [`${title}:`, ...lines.slice(0, TOLD).map((line) => `  ${line}`), ...more]
}

function accessText({ client, address, port }: Access): string {
  return `${client} by ${address}, port ${port}`
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}
