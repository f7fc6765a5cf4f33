import { FairleadError } from '../../base/error.ts'

/** When something is to happen, again and again. */
export interface Schedule {
  /** The first time after `after`, both in milliseconds since the epoch; `undefined` when there is none in five years. */
  next(after: number): number | undefined
}

interface Fields {
  readonly minute: ReadonlySet<number>
  readonly hour: ReadonlySet<number>
  readonly day: ReadonlySet<number>
  readonly month: ReadonlySet<number>
  readonly weekday: ReadonlySet<number>
  /** With both given, a day matches when either does, as in cron. */
  readonly eitherDay: boolean
}

interface Bounds {
  readonly low: number
  readonly high: number
  readonly names: readonly string[]
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const HORIZON = 5 * 366 * 24 * HOUR

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const BOUNDS: readonly Bounds[] = [
  { low: 0, high: 59, names: [] },
  { low: 0, high: 23, names: [] },
  { low: 1, high: 31, names: [] },
  { low: 1, high: 12, names: MONTHS },
  { low: 0, high: 6, names: WEEKDAYS },
]
const NAMED: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: MINUTE, h: HOUR }

/**
 * A schedule in the notation of CronJobs: five fields (numbers, names, `*`, `?`, ranges, lists, steps), `@daily` and the
 * like, or `@every 1h30m`.
 *
 * @param timeZone IANA name, such as `Asia/Shanghai`. @default UTC
 * @throws FairleadError `INVALID_INPUT` for another notation, or a time zone that nobody knows.
 */
export function parseSchedule(text: string, timeZone = 'UTC'): Schedule {
  const trimmed = text.trim()
  if (trimmed.startsWith('@every ')) return everySo(trimmed.slice('@every '.length), text)
  const parts = (NAMED[trimmed] ?? trimmed).split(/\s+/)
  if (parts.length !== 5) {
    throw wrong(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`, text)
  }
  const [minute, hour, day, month, weekday] = parts.map((part, index) => fieldOf(part, BOUNDS[index], text))
  if (!minute || !hour || !day || !month || !weekday) throw wrong('a field is missing', text)
  const isOpen = (part: string | undefined) => part === undefined || /^[*?]/.test(part)
  const fields = { minute, hour, day, month, weekday, eitherDay: !isOpen(parts[2]) && !isOpen(parts[4]) }
  const clock = localClock(timeZone)
  return { next: (after) => nextMatch(fields, clock, after) }
}

function everySo(duration: string, text: string): Schedule {
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.map(([whole]) => whole).join('') !== duration || parts.length === 0) {
    throw wrong(`failed to parse duration @every ${duration}`, text)
  }
  const period = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? 0), 0)
  const step = Math.max(1000, period - (period % 1000))
  return { next: (after) => after - (after % 1000) + step }
}

function fieldOf(part: string, bounds: Bounds | undefined, text: string): ReadonlySet<number> | undefined {
  if (bounds === undefined) return undefined
  return new Set(part.split(',').flatMap((range) => valuesOf(range, bounds, text)))
}

/** `*`, `5`, `5-9`, each with `/step`; `5/10` goes on to the end. */
function valuesOf(range: string, bounds: Bounds, text: string): readonly number[] {
  const [span = '', step] = range.split('/')
  const width = step === undefined ? 1 : Number(step)
  const ends = /^[*?]$/.test(span)
    ? [bounds.low, bounds.high]
    : span.split('-').map((end) => numberOf(end, bounds, text))
  const [low = Number.NaN, high = step === undefined ? low : bounds.high] = ends
  const fits = low >= bounds.low && high <= bounds.high && low <= high && ends.length <= 2
  if (!fits || !Number.isInteger(width) || width < 1)
    throw wrong(`range ${range} is not within ${bounds.low}-${bounds.high}`, text)
  return Array.from({ length: Math.floor((high - low) / width) + 1 }, (_, index) => low + index * width)
}

function numberOf(end: string, { names, low }: Bounds, text: string): number {
  const named = names.indexOf(end.toLowerCase())
  if (named >= 0) return named + low
  if (!/^\d+$/.test(end)) throw wrong(`failed to parse int from ${end}`, text)
  return Number(end)
}

interface LocalTime {
  readonly minute: number
  readonly hour: number
  readonly day: number
  readonly month: number
  readonly weekday: number
}

function localClock(timeZone: string): (time: number) => LocalTime {
  const format = formatFor(timeZone)
  return (time) => {
    const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]))
    const field = (name: Intl.DateTimeFormatPartTypes) => Number(parts.get(name))
    const weekday = WEEKDAYS.indexOf((parts.get('weekday') ?? '').toLowerCase())
    return { minute: field('minute'), hour: field('hour'), day: field('day'), month: field('month'), weekday }
  }
}

function formatFor(timeZone: string): Intl.DateTimeFormat {
  try {
    const numeric = 'numeric' as const
    const fields = { minute: numeric, hour: numeric, day: numeric, month: numeric, weekday: 'short' as const }
    return new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...fields })
  } catch (cause) {
    throw new FairleadError('INVALID_INPUT', `unknown time zone ${timeZone}`, { cause })
  }
}

function nextMatch(fields: Fields, clock: (time: number) => LocalTime, after: number): number | undefined {
  let time = after - (after % MINUTE) + MINUTE
  const limit = after + HORIZON
  while (time < limit) {
    const local = clock(time)
    if (!matchesDay(fields, local)) time += nextHour(local) + Math.max(0, 22 - local.hour) * HOUR
    else if (!fields.hour.has(local.hour)) time += nextHour(local)
    else if (!fields.minute.has(local.minute)) time += MINUTE
    else return time
  }
  return undefined
}

/** Milliseconds to the next full hour of the clock on the wall. */
function nextHour({ minute }: LocalTime): number {
  return (60 - minute) * MINUTE
}

function matchesDay({ month, day, weekday, eitherDay }: Fields, local: LocalTime): boolean {
  if (!month.has(local.month)) return false
  const [byDay, byWeekday] = [day.has(local.day), weekday.has(local.weekday)]
  return eitherDay ? byDay || byWeekday : byDay && byWeekday
}

function wrong(why: string, schedule: string): FairleadError {
  return new FairleadError('INVALID_INPUT', `unparseable schedule: ${JSON.stringify(schedule)} : ${why}`)
}
