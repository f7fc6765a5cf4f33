/** What a prediction takes for granted, since nobody who knows it could be asked. */
import { placeText, routesOf } from './hop.ts'
import type { Prediction } from './predict.ts'
import type { Atlas } from './world.ts'

/**
 * One sentence for each thing on the way that was not looked at. Nothing of a cluster of this machine, whose cloud and
 * kernel tell; of one elsewhere whatever the API does not have.
 */
export function unknownsOf({ path }: Prediction, { cloud, kernel }: Atlas): readonly string[] {
  const ways = path === undefined ? [] : routesOf(path)
  const hops = ways.flatMap((way) => way.hops)
  const balanced = hops.flatMap((hop) => (hop.kind === 'balance' && hop.loadBalancer === undefined ? [hop.object] : []))
  const names = [...new Set(balanced.map(({ namespace, name }) => `${namespace}/${name}`))]
  const ends = ways.flatMap(({ end }) => (end.kind === 'delivered' ? [placeText(end.place)] : []))
  return [
    ...names.map(
      (name) =>
        `the load balancer of Service ${name} is taken to be as the Service asks: its health checks, weights and access lists are not known`,
    ),
    ...(cloud === undefined && hops.some(crossesVpc) ? [UNKNOWN_RULES] : []),
    ...(kernel === undefined && ends.length > 0
      ? [`who listens is not known: ${[...new Set(ends)].slice(0, MOST_ENDS).join(', ')} is taken to`]
      : []),
  ]
}

const MOST_ENDS = 3
const UNKNOWN_RULES = 'security groups and firewalls between machines are not known: they are taken to let it pass'

function crossesVpc(hop: ReturnType<typeof routesOf>[number]['hops'][number]): boolean {
  return hop.kind === 'tunnel' || hop.kind === 'balance' || (hop.kind === 'route' && hop.place.kind === 'vpc')
}
