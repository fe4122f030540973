// The API page: Swagger UI, dark where the system is, with the replies of errors folded.

const dark = matchMedia("(prefers-color-scheme: dark)");
const followSystem = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
followSystem();
dark.addEventListener("change", followSystem);

/** A plugin: the reply of an error is a row with its status and its meaning; a button opens the rest. */
function foldedErrors({ React }) {
  const create = React.createElement;
  return {
    wrapComponents: {
      response: (Response) =>
        function FoldedResponse(props) {
          const [open, setOpen] = React.useState(false);
          if (Number(props.code) < 400) return create(Response, props);
          const button = create(
            "button",
            { type: "button", "aria-expanded": open, onClick: () => setOpen(!open) },
            props.code,
          );
          const row = create(
            "tr",
            { className: "folded", key: "folded" },
            create("td", null, button),
            create("td", { colSpan: 2 }, create("p", null, open ? null : props.response.get("description"))),
          );
          return open ? [row, create(Response, { ...props, key: "response" })] : row;
        },
    },
  };
}

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  plugins: [foldedErrors],
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
