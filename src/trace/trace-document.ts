/** The shape of `fairlead trace -o json`. Fields are added to it, never changed. */
import { placeText } from './hop.ts'
import { type Prediction, routes } from './predict.ts'

/** `kind: Trace`, `apiVersion: fairlead.dev/v1` */
export function traceDocument(prediction: Prediction): Readonly<Record<string, unknown>> {
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
    routes: routes(prediction).map(({ share, endpoint, end }) => ({ share, endpoint, end: end.kind })),
  }
}
