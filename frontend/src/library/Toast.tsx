import { Icon } from "../design/Icon";
import { useStore } from "../store";
import { hold, hush, library, say, undo } from "./library";

/** A line at the foot of the page that goes by itself. */
export function Toast() {
  const { notice, deleted } = useStore(library);
  const again = () => say(notice, deleted);
  return (
    <section
      aria-label="Notice"
      className="toast"
      data-there={notice !== ""}
      onPointerEnter={hold}
      onPointerLeave={again}
      onFocus={hold}
      onBlur={again}
    >
      <p role="status">{notice}</p>
      {deleted && (
        <button type="button" className="quiet" onClick={() => void undo()}>
          Undo
        </button>
      )}
      {notice && (
        <button type="button" className="quiet icon" aria-label="Close" onClick={hush}>
          <Icon name="close" />
        </button>
      )}
    </section>
  );
}
