/** The shape of `fairlead trace -o json`. Fields are added to it, never changed. */
import type { Confirmation } from './confirm/confirm.ts'
import { placeText } from './hop.ts'
import { type Prediction, routes } from './predict.ts'

/**
 * `kind: Trace`, `apiVersion: fairlead.dev/v1`
 *
 * @param unknown What was taken for granted, a sentence each.
 */
export function traceDocument(
  prediction: Prediction,
  confirmation?: Confirmation,
  unknown: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  const { from, to, protocol, port, resolution, path, verdict, cause } = prediction
  const { service: _, cause: __, ...names } = resolution ?? {}
  return {
    apiVersion: 'fairlead.dev/v1',
    kind: 'Trace',
    from: { ...from, text: placeText(from) },
    to: { text: to, protocol, port },
    verdict,
    ...(cause === undefined ? {} : { cause }),
    ...(resolution === undefined ? {} : { resolution: names }),
    ...(path === undefined ? {} : { path }),
    ...(confirmation === undefined ? {} : { confirmation: confirmationDocument(confirmation) }),
    unknown,
    routes: routes(prediction).map(({ share, endpoint, end }) => ({ share, endpoint, end: end.kind })),
  }
}

function confirmationDocument(confirmation: Confirmation): Readonly<Record<string, unknown>> {
  if (confirmation.kind === 'not sent') return { sent: false, why: confirmation.why }
  const { flow, fate, sightings, taken, differences, milliseconds } = confirmation
  return {
    sent: true,
    flow,
    fate,
    ...(taken === undefined ? {} : { endpoint: taken.endpoint, end: taken.end.kind }),
    agrees: differences.length === 0,
    differences,
    milliseconds: Math.round(milliseconds * 10) / 10,
    seen: sightings.map(({ place, direction, before, after, rules, dropped }) => ({
      place: placeText(place),
      direction,
      before,
      after,
      rules,
      ...(dropped === undefined ? {} : { dropped: { table: dropped.table, chain: dropped.chain } }),
    })),
  }
}
