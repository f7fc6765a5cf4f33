import { createLog } from '../base/log.ts'
import { type AgentConfig, startAgent } from './agent.ts'
import { runMember } from './member-protocol.ts'

/** A node's agent process: pod network, proxy and kubelet of one node, inside the node's network namespace. */
const log = createLog({ component: 'agent' })
runMember((config: AgentConfig) => startAgent(config, log.child({ node: config.node.name })))
