import { Alert, Button, Loader, Stack, Text, TextInput, Title } from '@mantine/core'
import { useCallback, useEffect, useState, type FormEvent, type ReactNode } from 'react'
import { line, rosterId } from '@symbolon/protocol/fields.ts'
import type { ChangeResponse } from '@symbolon/protocol/http.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { useConsole } from '../context.tsx'
import { proposeFirst, readVersionOne, submitFirst, type BootstrapLink, type Proposal } from '../enrolment.ts'
import type { Result } from '../result.ts'
import { go } from '../router.ts'
import type { Trouble } from '../trouble.ts'
import { Diff } from './diff.tsx'
import { Facts } from './facts.tsx'
import { SignerParts } from './signer-parts.tsx'
import { TroubleBox } from './trouble-box.tsx'

/** The holder of the bootstrap key makes version 2, and is its first person and guardian. */
export function FirstPerson({ link }: { readonly link: BootstrapLink }): ReactNode {
  const found = useConsole()
  const [version1, setVersion1] = useState<Result<Roster, Trouble>>()
  const [proposal, setProposal] = useState<Proposal>()
  const load = useCallback(() => void readVersionOne(link, found).then(setVersion1), [link, found])
  useEffect(load, [load])
  if (version1 === undefined) return <Loader aria-label="Loading" />
  if (!version1.ok) return <TroubleBox trouble={version1.error} retry={load} />
  return proposal === undefined ? <Naming link={link} version1={version1.value} proposed={setProposal} /> : <Submitting proposal={proposal} />
}

interface Fields {
  readonly id: string
  readonly name: string
  readonly roles: string
}
type Problems = Partial<Record<keyof Fields, string>>

const name = line(64)

function problemsIn({ id, name: shown, roles }: Fields): Problems {
  const odd = rolesIn(roles).find((role) => !rosterId.safeParse(role).success)
  return {
    ...(rosterId.safeParse(id).success ? {} : { id: 'Lower case letters, digits and . _ : -, such as ann' }),
    ...(name.safeParse(shown).success ? {} : { name: 'Up to 64 printable ASCII characters' }),
    ...(odd === undefined ? {} : { roles: `${odd.slice(0, 40)} is no role, such as engineer` }),
  }
}

const rolesIn = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter((part) => part !== ''))]
/** What version 1 gives its services is what its policy knows. */
const knownRoles = ({ services }: Roster): string => [...new Set(services.flatMap(({ roles }) => roles))].join(' ')

function Naming({ link, version1, proposed }: { readonly link: BootstrapLink; readonly version1: Roster; proposed(proposal: Proposal): void }): ReactNode {
  const { deployment } = useConsole()
  const [fields, setFields] = useState<Fields>(() => ({ id: '', name: '', roles: knownRoles(version1) }))
  const [problems, setProblems] = useState<Problems>({})
  const [trouble, setTrouble] = useState<Trouble>()
  const [isBusy, setBusy] = useState(false)
  const set = (change: Partial<Fields>) => setFields((before) => ({ ...before, ...change }))
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const found = problemsIn(fields)
    setProblems(found)
    if (Object.keys(found).length > 0) return
    setBusy(true)
    const made = await proposeFirst(link, version1, { id: fields.id, name: fields.name, roles: rolesIn(fields.roles) }, deployment)
    setBusy(false)
    if (made.ok) proposed(made.value)
    else setTrouble(made.error)
  }
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack maw="28rem">
        <Text>You are the first. You will be this deployment’s guardian: whoever comes later needs your touch.</Text>
        {trouble === undefined ? null : <TroubleBox trouble={trouble} />}
        <TextInput label="Your name" description="What others see" value={fields.name} onChange={(event) => set({ name: event.currentTarget.value })} error={problems.name} autoComplete="name" required />
        <TextInput label="Your id" description="Stands in every token of yours; never changes" value={fields.id} onChange={(event) => set({ id: event.currentTarget.value.trim() })} error={problems.id} autoComplete="username" autoCapitalize="none" spellCheck={false} required />
        <TextInput label="Your roles" description="Policy says what each may" value={fields.roles} onChange={(event) => set({ roles: event.currentTarget.value })} error={problems.roles} autoCapitalize="none" spellCheck={false} />
        <Button type="submit" loading={isBusy}>Make a passkey</Button>
      </Stack>
    </form>
  )
}

function Submitting({ proposal }: { readonly proposal: Proposal }): ReactNode {
  const { api } = useConsole()
  const [answer, setAnswer] = useState<Result<ChangeResponse, Trouble>>()
  const [isBusy, setBusy] = useState(false)
  const submit = async () => {
    setBusy(true)
    setAnswer(await submitFirst(proposal, api))
    setBusy(false)
  }
  if (answer?.ok === true && answer.value.state === 'accepted') return <Accepted answer={answer.value} />
  return (
    <Stack>
      <Title order={2} size="h3">Version 2 of the roster</Title>
      <Changes proposal={proposal} />
      {answer === undefined ? null : answer.ok ? <Waiting answer={answer.value} /> : <TroubleBox trouble={answer.error} />}
      <div><Button loading={isBusy} onClick={() => void submit()}>{answer === undefined ? 'Submit to the signers' : 'Submit again'}</Button></div>
    </Stack>
  )
}

function Changes({ proposal: { diff, asked } }: { readonly proposal: Proposal }): ReactNode {
  return (
    <>
      <Diff lines={diff} />
      <Facts mono rows={[['Digest of what is signed', asked.digestText]]} />
    </>
  )
}

function Waiting({ answer }: { readonly answer: ChangeResponse }): ReactNode {
  return (
    <Alert role="status" color={answer.state === 'refused' ? 'red' : 'yellow'} variant="outline" title={answer.state === 'refused' ? 'The signers refused it' : 'Not yet: some signers could not be asked'}>
      {answer.reasons?.map((reason) => <Facts key={reason.code} rows={[['Reason', reason.message], ...(reason.remedy === undefined ? [] : [['What would change it', reason.remedy] as const]), ['Code', reason.code]]} />)}
      <SignerParts parts={answer.signers ?? []} />
    </Alert>
  )
}

function Accepted({ answer }: { readonly answer: ChangeResponse }): ReactNode {
  return (
    <Stack>
      <Alert role="status" color="green" variant="outline" title="You are in"><SignerParts parts={answer.signers ?? []} /></Alert>
      <div><Button onClick={() => go('/sign-in')}>Sign in</Button></div>
    </Stack>
  )
}
