import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Container, PodSpec } from '../../types/core.ts'
import { fieldErrorText } from '../../validation/field-error.ts'
import { validatePod } from '../pod-validation.ts'

/** A spec, or a part of one, that decoding has let through although its types do not. */
export type Loose = Readonly<Record<string, unknown>>

/** What is said of a pod with this spec, and with one container when it has none. */
export function problemsOf(spec: Loose): readonly string[] {
  const whole = {
    containers: [{ name: 'c', image: 'i' }],
    serviceAccountName: 'default',
    ...spec,
  } as unknown as PodSpec
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: whole }
  return validatePod(pod, undefined).map(fieldErrorText)
}

/** The same of a pod whose only container says this. */
export function containerProblems(container: Loose, spec: Loose = {}): readonly string[] {
  const whole = { name: 'c', image: 'i', ...container } as unknown as Container
  return problemsOf({ ...spec, containers: [whole] })
}

/** What is given, and what is said of it: paths without `at`, where all of them lie; nothing when all is well. */
export type Case = readonly [given: Loose, ...texts: readonly string[]]

/** One test for each case. */
export function testRules(
  title: string,
  { at, problems, cases }: { at: string; problems: (given: Loose) => readonly string[]; cases: readonly Case[] },
): void {
  describe(title, () => {
    for (const [given, ...texts] of cases) {
      test(`${JSON.stringify(given).slice(0, 120)}: ${texts.length === 0 ? 'well' : texts[0]}`, () => {
        assert.deepEqual(
          problems(given),
          texts.map((text) => `${at}${text}`),
        )
      })
    }
  })
}
