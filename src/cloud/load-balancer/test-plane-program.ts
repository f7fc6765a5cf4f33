/** For tests: a data plane in a process of its own. Arguments: namespace, directory, listeners as JSON. */
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { KernelDataPlane } from './kernel-data-plane.ts'
import type { ListenerPlan } from './plan.ts'

const [netns = '', directory = '', listeners = '[]'] = process.argv.slice(2)
const plane = new KernelDataPlane({ netns, directory, clock: systemClock, log: silentLog })
await plane.apply({ listeners: JSON.parse(listeners) as ListenerPlan[] })
process.stdout.write('ready\n')
setInterval(() => {}, 1 << 30)
