import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../../base/error.ts'
import { parseSchedule } from './schedule.ts'

const at = (text: string) => Date.parse(text)
const CASES: readonly (readonly [schedule: string, after: string, expected: string, zone?: string])[] = [
  ['* * * * *', '2026-01-01T00:00:30Z', '2026-01-01T00:01:00Z'],
  ['*/15 * * * *', '2026-01-01T00:14:59Z', '2026-01-01T00:15:00Z'],
  ['5/20 * * * *', '2026-01-01T00:06:00Z', '2026-01-01T00:25:00Z'],
  ['0 9-17/4 * * mon-fri', '2026-01-02T18:00:00Z', '2026-01-05T09:00:00Z'],
  ['30 2 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T02:30:00Z'],
  ['0 0 13 * 5', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  ['0 0 1,15 JAN,Jul ?', '2026-01-15T00:00:00Z', '2026-07-01T00:00:00Z'],
  ['@daily', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  ['@weekly', '2026-01-01T00:00:00Z', '2026-01-04T00:00:00Z'],
  ['@every 1h30m', '2026-01-01T00:00:00.5Z', '2026-01-01T01:30:00Z'],
  ['0 8 * * *', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', 'Asia/Shanghai'],
  ['0 12 * * *', '2026-07-01T00:00:00Z', '2026-07-01T10:00:00Z', 'Europe/Berlin'],
  ['30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-30T00:30:00Z', 'Europe/Berlin'],
]

for (const [schedule, after, expected, zone] of CASES) {
  test(`${schedule} after ${after}${zone === undefined ? '' : ` in ${zone}`}`, () => {
    const next = parseSchedule(schedule, zone).next(at(after))
    assert.equal(next === undefined ? undefined : new Date(next).toISOString(), new Date(expected).toISOString())
  })
}

test('a day that never comes has no next time', () => {
  assert.equal(parseSchedule('0 0 30 2 *').next(at('2026-01-01T00:00:00Z')), undefined)
})

test('what is no schedule, or no time zone, is refused with the reason', () => {
  const refused = (schedule: string, zone?: string) => {
    try {
      parseSchedule(schedule, zone)
    } catch (error) {
      assert.ok(isFairleadError(error, 'INVALID_INPUT'))
      return (error as Error).message
    }
    return assert.fail(`${schedule} was taken`)
  }
  assert.match(refused('* * * *'), /expected exactly 5 fields, found 4/)
  for (const schedule of [
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 7',
    '5-3 * * * *',
    '*/0 * * * *',
  ]) {
    assert.match(refused(schedule), /is not within/)
  }
  assert.match(refused('a * * * *'), /failed to parse int from a/)
  assert.match(refused('@every soon'), /failed to parse duration/)
  assert.match(refused('* * * * *', 'Mars/Base'), /unknown time zone Mars\/Base/)
})

test('property: the next time fits the fields, and none before it does', () => {
  const field = (low: number, high: number) =>
    fc.oneof(
      fc.constant(undefined),
      fc.uniqueArray(fc.integer({ min: low, max: high }), { minLength: 1, maxLength: 3 }),
    )
  fc.assert(
    fc.property(
      field(0, 59),
      field(0, 23),
      field(0, 6),
      fc.integer({ min: 0, max: 400_000 }),
      (minutes, hours, days, start) => {
        const after = at('2026-01-01T00:00:00Z') + start * 60_000
        const text = [minutes, hours, undefined, undefined, days].map((values) => values?.join() ?? '*').join(' ')
        const fits = (time: number) => {
          const date = new Date(time)
          const has = (values: readonly number[] | undefined, value: number) => values?.includes(value) ?? true
          return has(minutes, date.getUTCMinutes()) && has(hours, date.getUTCHours()) && has(days, date.getUTCDay())
        }
        let expected = after + 60_000
        while (!fits(expected)) expected += 60_000
        assert.equal(parseSchedule(text).next(after), expected)
      },
    ),
    { numRuns: 60 },
  )
})
