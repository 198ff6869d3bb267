import '@mantine/core/styles.css'
import './console.css'
import { MantineProvider } from '@mantine/core'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'

const root = document.getElementById('root')
if (root === null) throw new TypeError('the document has a root')

// Mantine's variables and classes come from its style sheet: the policy allows no inline style.
createRoot(root).render(
  <StrictMode>
    <MantineProvider defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false} theme={{ respectReducedMotion: true }}>
      <App />
    </MantineProvider>
  </StrictMode>,
)
