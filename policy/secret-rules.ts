import { z } from 'zod'
import { namespaceId, parsePath } from '@symbolon/protocol/label.ts'
import { limits } from '@symbolon/protocol/limits.ts'

/* What a role may do with which secrets. A pattern is a path in which `*` stands for exactly one segment, and `**` at the end for one or more. */

const secretActions = ['read', 'list', 'write', 'delete', 'destroy'] as const
export type SecretAction = (typeof secretActions)[number]

/** @returns why a pattern is none and what was meant, or undefined */
function flawOf(text: string): string | undefined {
  const meant = (pattern: string) => `did you mean ${pattern}?`
  const segments = text.split('/')
  const [namespace = '', ...rest] = segments
  const trimmed = segments.filter((segment) => segment !== '')
  if (trimmed.length < segments.length) return `a pattern has no empty segments; ${meant([...trimmed, ...(text.endsWith('/') ? ['**'] : [])].join('/') || '**')}`
  if (rest.length === 0 && namespace !== '**') return `a namespace alone is no secret; ${meant(`${text}/**`)}`
  if (segments.slice(0, -1).includes('**')) return `** stands at the end only; ${meant(segments.map((segment, at) => (segment === '**' && at < segments.length - 1 ? '*' : segment)).join('/'))}`
  if (segments.some((segment) => segment.includes('*') && segment !== '*' && segment !== '**')) return `* stands for a whole segment; ${meant(segments.map((segment) => (segment.includes('*') && segment !== '**' ? '*' : segment)).join('/'))}`
  if (namespace !== namespace.toLowerCase()) return `namespaces are lower case; ${meant([namespace.toLowerCase(), ...rest].join('/'))}`
  if (namespace !== '*' && namespace !== '**' && !namespaceId.safeParse(namespace).success) return 'must begin with the id of a namespace'
  const example = segments.map((segment) => (segment.startsWith('*') ? 'x' : segment)).join('/')
  return text.length > limits.pathLength || (rest.length > 0 && parsePath(example) === undefined) ? 'must be the pattern of a path such as app/payments/*/db or app/**: segments of A-Z a-z 0-9 _ . @ + = -' : undefined
}

export const secretPattern = z.string().superRefine((text, context) => {
  const message = flawOf(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

const unique = (list: readonly string[]) => new Set(list).size === list.length

export const secretRule = z
  .strictObject({
    path: secretPattern,
    actions: z.array(z.enum(secretActions)).min(1).refine(unique, 'must be without duplicates'),
    /** On every path that this matches, those actions need a passkey touched for the very request, whatever other rules give. */
    touch: z.literal(true).optional(),
  })
  .refine(({ actions, touch }) => touch === undefined || actions.some((action) => action !== 'list'), 'a listing shows no value and needs no touch')
