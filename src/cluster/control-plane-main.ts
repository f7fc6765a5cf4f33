import { createLog } from '../base/log.ts'
import { type ControlPlaneConfig, startControlPlane } from './control-plane.ts'
import { runMember } from './member-protocol.ts'

/** The control-plane process: API server, store and controllers. */
const log = createLog({ component: 'control-plane' })
runMember((config: ControlPlaneConfig) => startControlPlane(config, log))
