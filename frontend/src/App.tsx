import { player } from "./audio/player";
import { Library } from "./library/Library";
import { Toast } from "./library/Toast";
import { Sky } from "./scene/Sky";
import { Bar } from "./song/Bar";
import { Generate } from "./song/Generate";
import { making } from "./song/maker";
import { SongView } from "./song/SongView";
import { useStore } from "./store";

export function App() {
  const { phase, sounding } = useStore(making);
  const { song, recalling } = useStore(player);
  const inWork = (phase === "asking" || phase === "working") && !sounding;
  const withSong = inWork || song !== null || recalling;
  return (
    <>
      <Sky />
      <header className="top">
        <h1>halation</h1>
      </header>
      <main data-song={withSong} data-bar={song !== null && !inWork}>
        <div className="stage">
          <Generate />
          {withSong && <SongView />}
        </div>
        <Library />
      </main>
      <Toast />
      <Bar />
    </>
  );
}
