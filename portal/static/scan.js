// Live scanning, where the browser reads codes itself; without it the form sends a photo.
(() => {
  const form = document.querySelector("[data-scan]");
  const finder = document.querySelector("[data-scan-finder]");
  if (!form || !finder || !("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return;
  const video = finder.querySelector("video");
  const said = finder.querySelector("[data-scan-said]");
  const start = form.querySelector("[data-scan-start]");
  let stream = null;

  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    finder.hidden = true;
  };

  // What the camera saw is sent along as the photo, so that the evidence is kept.
  const photograph = () =>
    new Promise((done) => {
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob(done, "image/jpeg", 0.85);
    });

  const send = async (payload) => {
    const photo = await photograph();
    stop();
    if (photo) {
      const files = new DataTransfer();
      files.items.add(new File([photo], "scan.jpg", { type: "image/jpeg" }));
      form.elements.taken.files = files.files;
    }
    form.elements.payload.value = payload;
    form.requestSubmit();
  };

  const look = async (detector) => {
    if (!stream) return;
    const found = await detector.detect(video).catch(() => []);
    const payment = found.find((code) => code.rawValue.startsWith("000201"));
    if (payment) return send(payment.rawValue);
    setTimeout(() => look(detector), 150);
  };

  start.addEventListener("click", async () => {
    finder.hidden = false;
    said.textContent = said.dataset.look;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = stream;
      await video.play();
      look(new BarcodeDetector({ formats: ["qr_code"] }));
    } catch {
      said.textContent = said.dataset.none;
    }
  });
  finder.querySelector("[data-scan-stop]").addEventListener("click", stop);
  addEventListener("pagehide", stop);
  start.hidden = false;
})();
