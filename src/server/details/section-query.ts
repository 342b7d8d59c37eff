/** Which sections a request for the status asks for. */
import {
  isStatusSection,
  type StatusSection,
  statusSections,
} from '../../protocol/status-sections.ts';

/** Of `/api/status?sections=a,b`, each once; a text that says what is wrong with it. */
export function sectionsAskedFor(url: string): readonly StatusSection[] | string {
  const query = new URLSearchParams(url.split('?').slice(1).join('?'));
  const names = query.getAll('sections').flatMap((text) => text.split(',').filter(Boolean));
  const unknown = names.find((name) => !isStatusSection(name));
  if (unknown !== undefined) {
    return `no section "${unknown.slice(0, 40)}": there are ${statusSections.join(', ')}`;
  }
  return statusSections.filter((section) => names.includes(section));
}
