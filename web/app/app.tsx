import { Loader } from '@mantine/core'
import { useCallback, useEffect, useMemo, useState, type ReactNode } from 'react'
import { connectApi } from './api.ts'
import { ConsoleContext, type Console } from './context.tsx'
import { loadDeployment, type Deployment } from './deployment.ts'
import { Shell } from './parts/shell.tsx'
import { TroubleBox } from './parts/trouble-box.tsx'
import type { Result } from './result.ts'
import { openSession, type Session } from './session.ts'
import type { Trouble } from './trouble.ts'

/** Nothing is shown of a deployment that is not the one that this console pins. */
export function App(): ReactNode {
  const [found, setFound] = useState<Result<Deployment, Trouble>>()
  const load = useCallback(() => {
    setFound(undefined)
    void loadDeployment().then(setFound)
  }, [])
  useEffect(load, [load])
  const refresh = useCallback(async () => {
    const again = await loadDeployment()
    if (again.ok) setFound(again)
    return again
  }, [])
  if (found === undefined) return <output className="page"><Loader aria-label="Loading" /></output>
  if (!found.ok) return <main className="page"><TroubleBox trouble={found.error} retry={load} /></main>
  return <Open deployment={found.value} refresh={refresh} />
}

function Open({ deployment, refresh }: Pick<Console, 'deployment' | 'refresh'>): ReactNode {
  const { lineage } = deployment
  const [state, setState] = useState<{ readonly session: Session | undefined }>()
  const [notice, setNotice] = useState<string>()
  useEffect(() => void openSession({ lineage }).then((session) => setState({ session })), [lineage])
  const api = useMemo(() => connectApi(deployment.api), [deployment.api])
  const setSession = useCallback((session: Session | undefined) => setState({ session }), [])
  const value = useMemo((): Console => ({ deployment, api, session: state?.session, setSession, refresh, notice, setNotice }), [deployment, api, state, setSession, refresh, notice])
  if (state === undefined) return null
  return <ConsoleContext value={value}><Shell /></ConsoleContext>
}
