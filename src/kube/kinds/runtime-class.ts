import type { FieldError, KindDefinition } from '../kind.ts'
import { runtimeClasses } from '../resource.ts'
import type { RuntimeClass } from '../types/runtime-class.ts'
import { invalid } from '../validation/field-error.ts'
import { labelProblems } from '../validation/names.ts'
import { validateLabels } from '../validation/object-meta.ts'
import { validateRequirements } from '../validation/resource-list.ts'
import { ageColumn } from './printing.ts'

/** node.k8s.io/v1 RuntimeClass: what runs the containers of pods that name it. */
export const runtimeClassKind: KindDefinition<RuntimeClass> = {
  resource: runtimeClasses,
  listKind: 'RuntimeClassList',
  singular: 'runtimeclass',
  generation: false,
  validate: validateRuntimeClass,
  columns: [
    {
      name: 'Handler',
      type: 'string',
      description: 'The name under which nodes know the runtime.',
      cell: ({ handler }) => handler,
    },
    ageColumn,
  ],
}

/** Upstream `ValidateRuntimeClass` and `ValidateRuntimeClassUpdate`. */
function validateRuntimeClass(now: RuntimeClass, old: RuntimeClass | undefined): readonly FieldError[] {
  const { handler = '', overhead, scheduling } = now
  if (old !== undefined && handler !== old.handler) return [invalid('handler', handler, 'field is immutable')]
  return [
    ...labelProblems(handler).map((text) => invalid('handler', handler, text)),
    ...validateRequirements({ limits: overhead?.podFixed ?? {} }, 'overhead'),
    ...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'),
  ]
}
