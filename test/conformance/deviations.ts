// Cases that the product does not pass, each with its reason. One that passes after all fails the suite: take it off.

export const DEVIATIONS: Readonly<Record<string, string>> = {
  heuristic: 'Explicit freshness and validators only, until routes can say whether heuristics are wanted.',
  targeted: 'Targeted fields come with the option that lists them.',
  'vary-language-order': 'Fields are compared as text, until Accept-* fields are normalised.',
  'stale-while-revalidate':
    'Refreshing in the background is not built yet: the request waits for the validation.',
};
