// Builds elements. Text always becomes text nodes, so that no name of a queue is ever read as markup.

export type Child = Node | string | number | undefined | null | false

type Props = {
  class?: string
  /** Properties rather than attributes, so that they take hold after the element was changed by hand. */
  value?: string
  checked?: boolean
  disabled?: boolean
  [attribute: string]: string | number | boolean | undefined | ((event: Event) => void)
}

export function h<N extends keyof HTMLElementTagNameMap>(
  name: N,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[N] {
  const element = document.createElement(name)
  assign(element, props)
  put(element, children)
  return element
}

const svgSpace = 'http://www.w3.org/2000/svg'

export function svg(name: string, props: Props = {}, ...children: readonly Child[]): SVGElement {
  const element = document.createElementNS(svgSpace, name)
  assign(element, props)
  put(element, children)
  return element
}

function assign(element: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue
    if (typeof value === 'function') element.addEventListener(name, value)
    else if (name === 'value' || name === 'checked' || name === 'disabled')
      Object.assign(element, { [name]: value })
    else element.setAttribute(name, value === true ? '' : String(value))
  }
}

function put(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue
    element.append(child instanceof Node ? child : String(child))
  }
}

/** Leaves the element as it is where nothing changed: no flicker, no lost selection. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export function replace(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren()
  put(element, children)
}
