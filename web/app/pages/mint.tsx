import { Button, NativeSelect, Radio, Stack, Text, TextInput, Title } from '@mantine/core'
import { useEffect, useState, type FormEvent, type ReactNode } from 'react'
import type { TokenResponse } from '@symbolon/protocol/http.ts'
import { line, scopeName } from '@symbolon/protocol/fields.ts'
import type { TokenIntent } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { useConsole, type Console } from '../context.tsx'
import { build, type Built } from '../intents.ts'
import { Facts } from '../parts/facts.tsx'
import { TokenView } from '../parts/token-view.tsx'
import { TroubleBox } from '../parts/trouble-box.tsx'
import { touchPasskey } from '../passkey.ts'
import { failed, type Result } from '../result.ts'
import { consoleClient, grantEvidence, passkeyEvidence, type Session } from '../session.ts'
import { duration } from '../text.ts'
import type { Trouble } from '../trouble.ts'
import { wishIn } from '../wish.ts'
import SignIn from './sign-in.tsx'

type By = 'grant' | 'touch'
interface Fields {
  readonly scope: string
  readonly aud: string
  readonly ttl: string
  readonly reason: string
  readonly by: By
}

const lifetimes = ['', '60', '300', '900', '3600'] as const

/** A token: what is asked is built from these fields and nothing else, and shown before it is signed for. */
export default function Mint(): ReactNode {
  const found = useConsole()
  return found.session === undefined ? <SignIn title="Sign in to mint" signedIn={() => undefined} /> : <Form console={found} session={found.session} />
}

function Form({ console: { deployment, api }, session }: { readonly console: Console; readonly session: Session }): ReactNode {
  const { audiences, default_audience } = deployment.keyset
  const [fields, setFields] = useState<Fields>(() => fieldsOf(location.hash, default_audience))
  useEffect(() => {
    const take = () => setFields(fieldsOf(location.hash, default_audience))
    window.addEventListener('hashchange', take)
    return () => window.removeEventListener('hashchange', take)
  }, [default_audience])
  const [outcome, setOutcome] = useState<{ readonly asked: Built<TokenIntent>; readonly answer: Result<TokenResponse, Trouble> }>()
  const [problem, setProblem] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const set = (change: Partial<Fields>) => setFields((before) => ({ ...before, ...change }))
  const scope = scopesIn(fields.scope)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setProblem(problemIn(scope))
    if (problemIn(scope) !== undefined || !isReason(fields.reason)) return
    setBusy(true)
    const asked = build({ kind: 'token', sub: session.sub, client: consoleClient, aud: fields.aud, scope, ttl: fields.ttl === '' ? undefined : Number(fields.ttl), reason: fields.reason === '' ? undefined : fields.reason }, deployment)
    const evidence = await evidenceFor(asked, fields.by, session, deployment)
    setOutcome({ asked, answer: evidence.ok ? await api.mint({ intent: asked.bytes, evidence: [evidence.value] }) : failed(evidence.error) })
    setBusy(false)
  }
  return (
    <Stack>
      <Title order={1}>Mint a token</Title>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack maw="32rem">
          <TextInput label="Scopes" description="Separated by spaces; all or none are granted" placeholder="read:logs" value={fields.scope} onChange={(event) => set({ scope: event.currentTarget.value })} error={problem} autoCapitalize="none" spellCheck={false} required />
          <NativeSelect label="Audience" description="Who will accept it" data={[...new Set([...audiences, fields.aud])]} value={fields.aud} onChange={(event) => set({ aud: event.currentTarget.value })} />
          <NativeSelect label="Lifetime" data={[...new Set([...lifetimes, fields.ttl])].map((value) => ({ value, label: value === '' ? 'As policy gives' : duration(Number(value)) }))} value={fields.ttl} onChange={(event) => set({ ttl: event.currentTarget.value })} />
          <TextInput label="Reason" description="For policy and for the record" value={fields.reason} onChange={(event) => set({ reason: event.currentTarget.value })} error={isReason(fields.reason) ? undefined : 'One line of at most 256 characters'} />
          <Radio.Group label="How you ask" value={fields.by} onChange={(value) => set({ by: value === 'touch' ? 'touch' : 'grant' })}>
            <Stack gap="xs" mt="xs">
              <Radio value="grant" label="With the grant that you signed in with" />
              <Radio value="touch" label="With a touch for this very token, which some scopes need" />
            </Stack>
          </Radio.Group>
          <Text fw={600}>You ask for</Text>
          <Facts rows={[['In the name of', session.sub], ['Scopes', scope.join(' ') || '—'], ['Audience', fields.aud], ['Lifetime', fields.ttl === '' ? 'as policy gives' : duration(Number(fields.ttl))], ...(fields.reason === '' ? [] : [['Reason', fields.reason] as const])]} />
          <Button type="submit" loading={isBusy}>{fields.by === 'touch' ? 'Touch and mint' : 'Mint'}</Button>
        </Stack>
      </form>
      {outcome === undefined ? null : outcome.answer.ok ? <TokenView asked={outcome.asked} response={outcome.answer.value} /> : <TroubleBox trouble={outcome.answer.error} />}
    </Stack>
  )
}

const isReason = (text: string): boolean => text === '' || line(256).safeParse(text).success

/** Somebody who was sent here for a scope was sent for a touch. */
function fieldsOf(hash: string, aud: string): Fields {
  const { isGiven, ...wish } = wishIn(hash.slice(1))
  return { aud, ...wish, by: isGiven ? 'touch' : 'grant' }
}

const scopesIn = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter((part) => part !== ''))].toSorted()

function problemIn(scope: readonly string[]): string | undefined {
  if (scope.length === 0) return 'Name at least one scope'
  if (scope.length > limits.scopes) return `At most ${limits.scopes} scopes`
  const odd = scope.find((name) => !scopeName.safeParse(name).success)
  return odd === undefined ? undefined : `${odd.slice(0, 40)} is no scope, such as read:logs`
}

async function evidenceFor(asked: Built<TokenIntent>, by: By, session: Session, deployment: Console['deployment']) {
  if (by === 'grant') return { ok: true as const, value: await grantEvidence(session, asked) }
  const touched = await touchPasskey(asked.digest, session.sub, deployment)
  return touched.ok ? { ok: true as const, value: passkeyEvidence(touched.value) } : failed(touched.error)
}
